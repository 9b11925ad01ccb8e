/**
 * Common English beyond the built-in corpus, written out by hand: enough that ordinary prose keeps most of its words whole and the rest of them
 * in readable pieces.
 *
 * @module
 */

/** Words in groups that a reader can check; a word may stand in several. */
const groups: readonly string[] = [
  // Function words: half of any English text.
  "a an the this that these those i me my mine myself you your yours yourself he him his himself she her hers " +
  "herself it its itself we us our ours ourselves they them their theirs themselves who whom whose which what where " +
  "when why how and or but nor so yet if then else than because as until while of at by for with about against " +
  "between into through during before after above below to from up down in out on off over under again further once " +
  "here there all any both each few more most other some such no not only own same too very can will just should now " +
  "am is are was were be been being have has had having do does did doing done would could may might must shall " +
  "cannot upon among across along around behind beyond within without toward towards since though although unless " +
  "whether either neither every everyone everything everybody someone something somebody somewhere anyone anything " +
  "anybody anywhere none nothing nobody nowhere another much many several enough less least per via else ever never " +
  "always often almost already also still even rather quite perhaps maybe however therefore thus otherwise instead " +
  "anyway indeed please thanks thank yes ok hello dear sorry",
  // What remains of contractions once the apostrophe is split off: don ' t, we ' ll.
  "don doesn didn isn aren wasn weren hasn haven hadn won wouldn couldn shouldn ain s t d m ll re ve",
  // Verbs, with the forms that are not made by a suffix piece.
  "accept add agree allow appear apply argue ask assume attack base become begin believe break build buy call care " +
  "carry cause change charge check choose claim clear close come compare complete consider contain continue control " +
  "cost count cover create cut deal decide define deny depend describe design destroy develop die discuss draw drive " +
  "drop eat end enjoy enter exist expect explain fail fall feel fight figure fill find finish fit fix follow force " +
  "form gain get give go grow guess hand happen hate hear help hit hold hope hurt imagine improve include increase " +
  "involve join keep kill know lead learn leave let lie like listen live look lose love make manage mark mean measure " +
  "meet mention mind miss move name need note notice obtain offer open order own pass pay pick place plan play point " +
  "post prevent prove provide publish pull push put quote raise reach read realize receive reduce refer remain " +
  "remember remove reply report require respond return run save say see seem sell send serve set show sign sit sleep " +
  "speak spend stand start state stay stop study suggest supply support suppose take talk teach tell tend test think " +
  "throw touch try turn understand update use visit vote wait walk want warn watch wear win wish wonder work worry " +
  "write",
  "asked became began begun bought broke broken brought built called came chose chosen drew driven fell felt fought " +
  "found gave given goes gone got grew heard held kept knew known laid led left lost made meant met paid posted read " +
  "said sat saw says seen sent shown sold spent spoke stood taken taught thought threw told took tried used went " +
  "won wore written wrote using going getting making saying looking trying",
  // Nouns of people, time, quantity and everyday affairs.
  "man men woman women child children people person human kid boy girl mother father parent baby member group " +
  "party team player leader president king officer soldier police author writer reader editor student " +
  "professor engineer scientist owner user customer client agent hero population race " +
  "time times second minute hour day night week month year years century age past present future january february " +
  "march april may june july august september october november december monday tuesday wednesday thursday friday " +
  "saturday sunday spring summer autumn fall winter date period history moment",
  "number zero one two three four five six seven eight nine ten twenty hundred thousand million billion first second " +
  "third half quarter percent lot bit amount total average rate level degree size length weight height " +
  "distance speed range limit mile foot feet pound dollar cent unit",
  "world international country state city town street road house home room door wall floor building office school university " +
  "college library church store shop market factory company business industry government war peace " +
  "power law right rights freedom crime gun fire death life birth health disease blood body head " +
  "face eye ear nose mouth arm hand finger leg heart brain food water air earth land sea sun " +
  "light heat cold star sky tree grass animal bird horse gold silver wood stone glass paper plastic " +
  "oil gas energy force",
  "car truck train plane ship wheel motor battery machine tool box bag bottle cup table chair bed lamp clock " +
  "phone telephone radio television camera video picture image film movie book page letter word sentence line title " +
  "article newspaper news message mail email address subject internet web site server network computer " +
  "system data format version graphics file disk drive card board chip cable keyboard mouse monitor display color " +
  "printer software hardware program code language window key command function bit byte error bug test " +
  "input output model type signal power voltage",
  "hockey baseball game season score play football win loss goal point record sport music song art science " +
  "theory fact truth evidence proof reason cause effect result case example idea opinion belief faith religion god bible " +
  "church christian spirit argument question answer " +
  "problem solution issue matter point view side way kind sort thing part piece rest top bottom front back middle " +
  "center edge corner area place position situation condition process method system standard rule order list group " +
  "set class series step stage level change difference change interest attention action activity event experience " +
  "service support help information knowledge research study report project plan purpose program policy tax money " +
  "price cost value sale deal offer job work worker trade bill budget account share property insurance choice chance " +
  "risk danger damage trouble mistake accident attack",
  // Adjectives and adverbs.
  "able actual alive alone american available aware bad basic beautiful best better big black blue bright " +
  "brown careful certain cheap clean clear close common complete complex correct current dark dead deep different " +
  "direct dirty double dry dumb early easy empty equal exact extra fair false familiar famous fast fat final fine " +
  "flat foreign free fresh full funny general good gray great green happy hard heavy high hot huge " +
  "important impossible large last late later left legal light likely little local long low " +
  "main major mean medical mental military minor modern national natural necessary new next normal " +
  "north obvious odd official old original personal physical political poor popular positive possible private " +
  "proper public pure quick quiet rare ready real recent red religious rich safe serious severe " +
  "short sick similar simple single slow small social soft solid south special specific standard strange strong " +
  "stupid successful sudden sure technical terrible tiny tired true typical usual various weak west " +
  "white whole wide wild wonderful worse worst worth wrong yellow young east northern southern western eastern",
  "actually ago ahead apart away back basically certainly clearly completely directly early easily exactly " +
  "especially far fast finally forever forward generally hardly highly immediately later likely mostly nearly " +
  "normally obviously particularly possibly probably quickly really recently seriously simply slightly " +
  "soon suddenly together truly usually well yesterday today tomorrow tonight",
  // Written on networks.
  "re subject lines from writes wrote article reply id http https www com org net edu gov html usa uk dr st ie eg etc " +
  "vs tv pc mac nasa mr mrs jr",
];

/** The words of every group, each once, in the order in which they first stand there. */
export const englishWords: readonly string[] = [...new Set(groups.join(" ").split(" "))];

/** Beginnings of longer words that are not words of their own. */
export const prefixes: readonly string[] =
  ("ab ac ad af al anti ap ar auto bi cent circ co col con contra cor counter cy de dec deter di dis dy e ef " +
    "el em en ent ep ex exp extra fore gen il im inter intro ir mal micro mid mini mis " +
    "multi non ob para pent per philo photo poly post pre pres pri pro pseudo semi sub sup sur sym syn " +
    "trans tri un uni vice").split(" ");

/** Ends of longer words: inflections and derivations. */
export const suffixes: readonly string[] =
  ("able ably age al ally ance ant ary ate ated ates ating ation ations ator cy dom ed eds ee eer en ence ency ened " +
    "ening ent er ered ering ers es ess est ety ful fully fy graph graphy hood ial ian ible ic ical ically ics ied ier " +
    "ies iest ification ified ify ing ingly ings ion ions ious ise ised ish ism ist istic ists ite ities ition itive " +
    "ity ive ively ivity ize ized izes izing less like ling log logy ly ment mental ments ness nesses ology or ory " +
    "ous ously ological person phone s ship ships sion sions some ster th tic tion tional tions tive tor ture ual " +
    "ually uous ural ure ured ures ward wards ware way ways wise work works y").split(" ");
